"""How good depth is: metrics, priors, images with ground truth, scores, reports."""
