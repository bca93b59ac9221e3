import { Stack } from 'aws-cdk-lib';
import {
  Alarm,
  Color,
  ComparisonOperator,
  type HorizontalAnnotation,
  type IMetric,
  TreatMissingData,
} from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import { Construct } from 'constructs';

export interface AlarmProps {
  /** The article of docs/runbook.md, and the alarm's name after the stack's. */
  readonly article: string;
  /** What users lose while it rings. */
  readonly usersLose: string;
  readonly metric: IMetric;
  readonly threshold: number;
  /** How many of the metric's last periods are looked at, and how many of these must be that bad: all, where not said. */
  readonly evaluationPeriods?: number;
  readonly badPeriods?: number;
  readonly comparison?: 'at-least' | 'below';
  /** `fine` where no figure means that nothing happened, `breaching` where it means that nothing runs. */
  readonly missing?: 'fine' | 'breaching';
}

/** Where the articles of the alarms stand, each under its own name as its heading, unless a deploy says otherwise. */
const defaultRunbook = 'docs/runbook.md';

/** The topic that alarms go to, and the one way to make an alarm: none without what users lose and what to do. */
export class Alarms extends Construct {
  readonly topic: Topic;
  readonly alarms: Alarm[] = [];
  private readonly version: string | undefined;
  private readonly runbook: string;
  private readonly thresholds = new Map<string, number>();

  constructor(
    scope: Construct,
    id: string,
    props: {
      readonly email?: string | undefined;
      readonly version?: string | undefined;
      readonly runbookUrl?: string | undefined;
    },
  ) {
    super(scope, id);
    this.version = props.version;
    this.runbook = props.runbookUrl ?? defaultRunbook;
    const stack = Stack.of(this);
    this.topic = new Topic(this, 'Topic', { enforceSSL: true });
    // The policy that enforces TLS takes the place of the one that SNS gives by default, and with it of its permission.
    this.topic.addToResourcePolicy(
      new PolicyStatement({
        sid: 'AlarmsOfThisStack',
        principals: [new ServicePrincipal('cloudwatch.amazonaws.com')],
        actions: ['sns:Publish'],
        resources: [this.topic.topicArn],
        conditions: {
          ArnLike: {
            'aws:SourceArn': stack.formatArn({ service: 'cloudwatch', resource: `alarm:${stack.stackName}-*` }),
          },
          StringEquals: { 'aws:SourceAccount': stack.account },
        },
      }),
    );
    if (props.email !== undefined) this.topic.addSubscription(new EmailSubscription(props.email));
  }

  raise(props: AlarmProps): Alarm {
    const { region, stackName } = Stack.of(this);
    const alarmName = `${stackName}-${props.article}`;
    const version = this.version === undefined ? '' : ` | version ${this.version}`;
    const console = `https://${region}.console.aws.amazon.com/cloudwatch/home?region=${region}`;
    const alarm = new Alarm(this, props.article, {
      alarmName,
      // What a mail has of it: a link that leads there from a mail, too.
      alarmDescription: `${props.usersLose} What to do: ${this.runbook}#${props.article}${version} | ${console}#alarmsV2:alarm/${alarmName}`,
      metric: props.metric,
      threshold: props.threshold,
      evaluationPeriods: props.evaluationPeriods ?? 1,
      ...(props.badPeriods !== undefined && { datapointsToAlarm: props.badPeriods }),
      comparisonOperator:
        props.comparison === 'below'
          ? ComparisonOperator.LESS_THAN_THRESHOLD
          : ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      treatMissingData: props.missing === 'breaching' ? TreatMissingData.BREACHING : TreatMissingData.NOT_BREACHING,
    });
    const action = new SnsAction(this.topic);
    alarm.addAlarmAction(action);
    alarm.addOkAction(action);
    this.alarms.push(alarm);
    this.thresholds.set(props.article, props.threshold);
    return alarm;
  }

  /** Where an alarm rings, as a line in a graph; `divisor` where the graph is in another unit than the alarm. */
  thresholdOf(article: string, divisor = 1): HorizontalAnnotation {
    const threshold = this.thresholds.get(article);
    if (threshold === undefined) throw new Error(`there is no alarm ${article}`);
    return { value: threshold / divisor, label: `${article}:`, color: Color.RED };
  }
}
