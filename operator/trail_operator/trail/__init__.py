"""The Trail controller: reconciles a Trail with its trail in CloudTrail and reports what AWS answers."""
