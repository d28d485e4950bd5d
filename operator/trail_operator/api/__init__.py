"""The resources as users write them: models, conditions, reasons and the CRD made from them. Knows no I/O."""
