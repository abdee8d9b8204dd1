"""The machine of a process: descriptors, room on its disks, memory, and a service manager that watches it."""
