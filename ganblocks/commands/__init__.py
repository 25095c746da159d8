"""What the `ganblocks` command can do, a file for each."""
