"""Options: an exchange of European options with dealers, a moving surface, margin, liquidation and cash settlement."""
