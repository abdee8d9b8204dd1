"""Count what a log shows: outcomes, times, uptime."""
