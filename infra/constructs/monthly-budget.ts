import { CfnBudget } from 'aws-cdk-lib/aws-budgets';
import { Construct } from 'constructs';

export interface MonthlyBudgetProps {
  readonly usd: number;
  readonly email: string | undefined;
}

/** So much of a month's budget is spent, or is going to be spent, in per cent, when a mail goes out. */
const notices = [
  { type: 'ACTUAL', percent: 50 },
  { type: 'ACTUAL', percent: 100 },
  { type: 'FORECASTED', percent: 100 },
] as const;

/**
 * A mail when the month becomes dear. Of the whole account: a filter by tag sees nothing until somebody has activated that
 * tag for cost allocation, and nothing of before. AWS counts up to a day late, so it is no brake: the API's throttle is.
 */
export class MonthlyBudget extends Construct {
  constructor(scope: Construct, id: string, { usd, email }: MonthlyBudgetProps) {
    super(scope, id);
    if (email === undefined) throw new Error('monthlyBudgetUsd goes with alarmEmail');
    if (!Number.isInteger(usd) || usd < 1) {
      throw new Error(`monthlyBudgetUsd must be a whole number from 1, but is ${usd}`);
    }
    new CfnBudget(this, 'Budget', {
      // No name: another address makes a new budget, before the old one of the same name is gone.
      // https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-properties-budgets-budget-notificationwithsubscribers.html
      budget: {
        budgetType: 'COST',
        timeUnit: 'MONTHLY',
        budgetLimit: { amount: usd, unit: 'USD' },
      },
      notificationsWithSubscribers: notices.map(({ type, percent }) => ({
        notification: {
          notificationType: type,
          comparisonOperator: 'GREATER_THAN',
          threshold: percent,
          thresholdType: 'PERCENTAGE',
        },
        subscribers: [{ subscriptionType: 'EMAIL', address: email }],
      })),
    });
  }
}
