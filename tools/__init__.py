"""What people run beside the server, and the server never imports: calibration, evaluation, training, benchmark."""
