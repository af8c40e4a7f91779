"""Networks: video U-Net, attention, audio encoders."""
