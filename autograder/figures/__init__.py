"""The course's figures: one style, one module of figures for each lesson."""
