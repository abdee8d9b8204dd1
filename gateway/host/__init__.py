"""What the machine gives a process: descriptors, room on its disks, and a service manager that watches it."""
