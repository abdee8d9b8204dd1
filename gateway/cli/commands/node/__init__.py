"""Define the commands of an administrator: founding, trust, serving, switching off, backup, health."""
