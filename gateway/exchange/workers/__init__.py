"""Hand the work on sources to processes beside the front, over sockets of the home, and check what comes back."""
