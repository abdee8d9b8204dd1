"""Tell the scenes of the desk: follow-ups, alerts, withdrawals, watches and operations."""
