"""Price feeds. One file each; protocols mark to what they publish."""
