"""What a class got wrong, as a page for its teacher: `course report`."""
