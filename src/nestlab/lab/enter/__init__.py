"""What people do on a machine of a lab: run, copy, look, log in."""
