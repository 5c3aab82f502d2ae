"""The settings of a stage: types, limits, defaults and descriptions, and the stages themselves."""
