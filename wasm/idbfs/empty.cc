// Nothing: this module exists for the file system that Emscripten links into its JavaScript.
