"""Bodies of networks, one file each."""
