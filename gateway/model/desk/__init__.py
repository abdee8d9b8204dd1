"""Define the values of the desk: notices in threads, work with clocks, watches, reports, rooms, and copies held."""
