"""What any operator needs. Independent of Trails, AWS and Kubernetes."""
