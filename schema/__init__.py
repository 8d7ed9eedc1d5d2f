"""What clients see: types, inputs, payloads, root fields. Each field delegates in one line."""
