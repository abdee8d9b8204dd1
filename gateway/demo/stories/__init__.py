"""Play the demo: scenes of questions, logs and the desk, told as they happen, and the nodes that are left running."""
