"""The searched subnet against public PFLD nets: same data, same recipe, same tuning."""
