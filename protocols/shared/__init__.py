"""What several families of venues share."""
