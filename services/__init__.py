"""The write side: commands, business rules, locks; one transaction each."""
