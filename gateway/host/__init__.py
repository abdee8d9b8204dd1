"""The machine of a process: files, descriptors, room on disks, memory, and a service manager that watches it."""
