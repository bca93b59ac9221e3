"""cfn-lint knows the schema of every resource type of CloudFormation."""

import subprocess

from conftest import root

# CDK writes each dependency out; saying one twice harms nobody.
redundant_dependency = 'W3005'


def test_cfn_lint_finds_nothing_in_the_template_that_would_be_deployed(tmp_path):
    synthesise = ['cdk', 'synth', '--quiet', '--output', str(tmp_path), '-c', 'alarmEmail=on-call@example.com']
    subprocess.run(synthesise, cwd=root, check=True, timeout=300)
    (template,) = tmp_path.glob('*.template.json')
    lint = ['cfn-lint', '--ignore-checks', redundant_dependency, '--', str(template)]
    result = subprocess.run(lint, capture_output=True, text=True, timeout=300)
    assert (result.returncode, result.stdout) == (0, '')
