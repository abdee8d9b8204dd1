"""Sign-in at the console, each way ending in an officer token, and the sessions that follow."""
