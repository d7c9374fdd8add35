"""What every level of a lab achieves."""
