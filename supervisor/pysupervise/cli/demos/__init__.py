"""Local reproductions of incidents: what a demo is (model), what runs one side of it (scene), both sides (stage), how it is drawn."""
