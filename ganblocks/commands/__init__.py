"""The subcommands of `ganblocks`, one file each."""
