"""Find things in images by their points: both CenterNets in modern PyTorch."""
