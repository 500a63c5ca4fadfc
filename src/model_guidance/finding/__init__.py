"""What a network looks at where nobody marked anything: which images to mark, and kinds of evidence."""
