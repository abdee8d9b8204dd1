"""The machine of a process: its files, descriptors, room on its disks, memory, and a service manager that watches it."""
