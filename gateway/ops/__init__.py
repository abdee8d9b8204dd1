"""What an administrator does with a node: switch it off, and find out what is wrong with it."""
