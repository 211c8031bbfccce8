"""Images in: data sets, files, drawings and photographs."""
