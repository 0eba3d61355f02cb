"""Which rendered faces teach a net about photographs, and how fast they are rendered."""
