package tool

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// WriteFigures writes what a program found out to a file, as JSON for people, too;
// it makes the directory.
func WriteFigures(path string, figures any) error {
	text, err := json.MarshalIndent(figures, "", "  ")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}
