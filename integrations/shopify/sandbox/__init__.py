"""A stand-in for Shopify's Admin API with a small shop, as a process of its own.

It answers the documents that HotDash sends, by the name of their operation, and charges points as Shopify
does.
"""
