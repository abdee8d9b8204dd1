"""Hold the values of the desk: notices in threads, work with clocks, copies of records that somebody holds."""
