"""From rules to wire shapes of filters."""

from app.core.text_filter import FilterRule, TextFilter
from app.wire.schemas.filters import FilterRuleOut, FilterRules


def rules_out(filter_: TextFilter) -> FilterRules:
    return FilterRules(items=list(map(rule_out, filter_.rules)))


def rule_out(rule: FilterRule) -> FilterRuleOut:
    return FilterRuleOut.model_validate(rule, from_attributes=True)
