"""Judge an adapter: conformance with the contract, hostile input, accuracy of a mapping, speed, and the report."""
