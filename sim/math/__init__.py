"""Mathematics that several parts of the machine share and that must not change with a library's version."""
