"""From k-space to frames: operators, coil sensitivities, view sharing and CG-SENSE."""
