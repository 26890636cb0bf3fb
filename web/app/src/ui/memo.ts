import { Component, createElement, type ComponentType } from "preact";

/** A component that renders again only when one of its properties is another object, or when a
 * signal that it reads changes. */
export function memo<P extends object>(Inner: ComponentType<P>): ComponentType<P> {
  return class Memo extends Component<P> {
    override shouldComponentUpdate(next: P): boolean {
      return !same(this.props, next);
    }
    override render() {
      return createElement(Inner, this.props);
    }
  };
}

function same(one: object, two: object): boolean {
  const names = Object.keys(one);
  return (
    names.length === Object.keys(two).length &&
    names.every((name) => Object.is(one[name as keyof typeof one], two[name as keyof typeof two]))
  );
}
