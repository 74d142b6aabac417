"""What a training should be, decided from the data, the machine and the time, with the reasons."""
