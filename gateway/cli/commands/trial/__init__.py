"""Define the commands for trying and measuring: demo and bench."""
