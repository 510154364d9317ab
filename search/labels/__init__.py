"""Words for photos: labels of the classifier that belongs to the features, and what a user taught."""
