"""Documents before they run: parsed, measured, validated, priced, kept."""
