"""Who owns the loop and the signals. One small module for each owner; none of them knows the engine's insides."""
